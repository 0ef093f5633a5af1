"""The lasso, the VAR, the two autoencoders, and the loop that trains them."""

import os

# Threads of torch that wait for work soon sleep instead of spinning: they share the cores with the window, the lasso's
# threads and other programs. To sleep at once would be too soon: a training step has some two hundred short operations,
# and waking up between them takes a third of its time. Only read when torch is first loaded; a user's choice stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
