"""Where a file without a syntax tree is split, and what it defines: by the lines on which sections begin."""
