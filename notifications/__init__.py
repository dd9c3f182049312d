"""What the operators tell everybody."""
