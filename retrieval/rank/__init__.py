"""The first stage: how a query is read, how candidates are scored and ordered, how confident the order is."""
