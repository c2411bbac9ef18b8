"""Who signs proofs, and whose signatures hold. All cryptography is that of well-kept libraries."""
