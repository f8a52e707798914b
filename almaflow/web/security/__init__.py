"""The border of the page: which requests come in, who asks, and what they may do."""
