"""The lasso, the VAR, the two autoencoders, and the loop that trains them."""

import os

# Threads of torch that wait for work sleep instead of spinning: they share the cores with the window, the lasso's
# threads and other programs. Only read when torch is first loaded, and a user's own choice stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
