"""deployhostd: the control socket, the workers, what converges and watches. When things happen, never how; it joins the rooms."""
