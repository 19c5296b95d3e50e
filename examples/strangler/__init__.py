"""One login for Express and FastAPI, behind one proxy: ``make strangler``."""
