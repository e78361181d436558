"""What people publish for others: posts, and what is made of them."""
