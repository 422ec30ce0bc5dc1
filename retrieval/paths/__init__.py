"""What paths say and how people write them: filters, result lines, Unicode forms, roles of files."""
