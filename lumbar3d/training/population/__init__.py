"""Population that literature describes: drawn spines with shapes, posture and the usual troubles."""
