"""How a file becomes chunks and terms: parsed, split at definitions, tokenized, stored as bytes."""
