"""The only places that wire: each makes a part of a node and answers what others need of it."""
