"""The second stage: what the cross-encoder reads, how it runs, and how its logits are fused."""
