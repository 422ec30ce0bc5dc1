"""The clients that goldrank can configure, and how their files are edited safely."""
