"""Safety: reports, what moderators decide about them, and what follows."""
