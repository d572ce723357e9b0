"""What stands in a file: functions as a small language, what names mean, what is read again."""
