"""Result folders written for other programs."""
