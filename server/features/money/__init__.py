"""Money: the ledger, payments into it, what they pay for, and payouts."""
