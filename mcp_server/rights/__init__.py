"""Who may see which repositories."""
