"""What paths mean and how people write them: filters, result lines, Unicode forms, roles of files."""
