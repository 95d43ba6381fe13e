"""What the user can do: each action declared whole in the module of its menu, and the QActions made from these."""
