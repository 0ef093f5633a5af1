"""How programs of others are run beside this one, in an environment of their own."""

STAND_INS = """
import importlib.machinery, sys, types

class Absent(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(name)

# Neither registration nor detection by activity needs these, and their compiled parts do not load everywhere.
for name in ("torchvision", "cellpose", "cellpose.models", "cellpose.metrics", "cellpose.core", "cellpose.utils",
             "cellpose.transforms", "cellpose.io", "torchvision.transforms", "torchvision.models", "torchvision.ops"):
    module = Absent(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    sys.modules[name] = module
"""
"""Start of a script that imports suite2p: empty modules in the place of cellpose and torchvision."""
