"""Secrets never reach what is told or written down."""

from deployhost.model import HIDDEN, Secret


class Redactor:
    """Hides secrets in texts, also each line of a secret that has several."""

    def __init__(self, secrets: frozenset[Secret] = frozenset()) -> None:
        self.secrets = secrets
        # Short values ("1", "true") would blot out harmless text, and are no secrets. A secret may be part of a longer one.
        parts = {
            part for value in map(Secret.reveal, secrets) for part in (value, *value.splitlines()) if len(part) >= 8
        }
        self._hidden = sorted(parts, key=lambda part: (-len(part), part))

    def redacted(self, text: str) -> str:
        """Return the text without the secrets."""
        for part in self._hidden:
            text = text.replace(part, HIDDEN)
        return text
