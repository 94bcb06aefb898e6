"""What the policies of all algorithms share."""
