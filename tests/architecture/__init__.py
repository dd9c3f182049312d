"""Tests of the house itself: its rules, and the servers that the other tests run against."""
