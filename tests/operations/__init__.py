"""What a person can ask for, without a terminal and without a page."""
