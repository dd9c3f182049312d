"""Conversations between two or many people."""
