"""Networks whose state an algorithm carries, and the policies that think with them."""
