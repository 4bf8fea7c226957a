"""The labels that deployhost gives to images and containers: names, numbers and commands, never a secret. Pure.

A container has its image's labels too, unless it sets them itself, and an image those of its base. What a Dockerfile says in them must
not count, so all of ours are set wherever an image or a container is made, if only to nothing.
"""

import json
from collections.abc import Mapping

from deployhost.model import AppName

PREFIX = "deployhost."

# Of images.
APP_LABEL = "deployhost.app"
INIT_LABEL = "deployhost.init"  # on generated images: their command is not written to be PID 1, so it gets an init
PROCESSES_LABEL = "deployhost.processes"  # JSON: the Procfile's commands by name, less the web process
SOURCE_LABEL = "deployhost.source"  # what names the files and texts that it was built from
UID_LABEL = "deployhost.uid"  # on generated images: the number of the user that they run as, which is the app's own
# On every stand-in, so that it never counts as the image that a person's own Dockerfile names.
STAND_IN_LABEL = "deployhost.stand-in"

# Of containers.
DEPLOY_LABEL = "deployhost.deploy"  # the number of the deploy that made it
WORKERS_LABEL = "deployhost.workers"  # on the web container: the workers that were made with it, with spaces between
SETTINGS_LABEL = "deployhost.settings"  # on the web container, JSON: settings that it does not show

OURS = (
    APP_LABEL,
    INIT_LABEL,
    PROCESSES_LABEL,
    SOURCE_LABEL,
    UID_LABEL,
    STAND_IN_LABEL,
    DEPLOY_LABEL,
    WORKERS_LABEL,
    SETTINGS_LABEL,
)


def of_image(
    app: AppName, source: str, *, generated: bool, processes: Mapping[str, str], uid: int | None = None
) -> dict[str, str]:
    """Return all labels of ours of an image that is built. `service` and `role` are Kamal's: an image has no role."""
    return dict.fromkeys(OURS, "") | {
        "service": str(app),
        "role": "",
        APP_LABEL: str(app),
        SOURCE_LABEL: source,
        INIT_LABEL: "true" if generated else "",
        UID_LABEL: "" if uid is None else str(uid),
        PROCESSES_LABEL: json.dumps(dict(processes), sort_keys=True) if processes else "",
    }


def of_container(image: Mapping[str, str], said: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a container that are to be set for it to have `said` and, of ours, nothing that its image has."""
    inherited = sorted(name for name in image if name.startswith(PREFIX))
    return dict.fromkeys((*OURS, *inherited), "") | {"destination": ""} | dict(said)
