"""The first stage: what a query says, how candidates are measured and ordered, how sure the order is."""
