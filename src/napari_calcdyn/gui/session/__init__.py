"""What the docks of one viewer share."""

from .session import Session, SessionPart, session_of

__all__ = ["Session", "SessionPart", "session_of"]
