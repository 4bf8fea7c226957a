"""deployhostd: the control socket, the workers, recovery. When things happen, never how; it joins the rooms."""
