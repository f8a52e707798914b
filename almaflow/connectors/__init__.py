"""What workflows reach next to Alma: servers that hold files, and channels that carry notices.

errors     what can happen, shaped by what the caller does next
places     what a place with files is        landing   how a file gets into the project
local, sftp, ftp, s3                         the places, each with its library
notices    Apprise                           simulated nothing leaves the machine
live       almaflow.yaml → places and channels

Everything here blocks: the engine calls it in threads.
"""
