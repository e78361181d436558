"""What reaches people of what others do: notifications."""
