"""People: accounts and how they are proved, profiles, what people are to one another, and what is held on them."""
