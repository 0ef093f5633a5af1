"""What the docks of one viewer share."""

from .session import Session, session_of

__all__ = ["Session", "session_of"]
