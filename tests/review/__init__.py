"""What the fourth review proved."""
