"""The service: timetables kept, runs started, people told, with nobody looking."""
