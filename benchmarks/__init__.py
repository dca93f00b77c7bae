"""What takes too long for the tests."""
