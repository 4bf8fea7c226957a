"""Labels of the images that are built here: what they prove and carry. Names only. Pure."""

APP_LABEL = "deployhost.app"
INIT_LABEL = "deployhost.init"  # on generated images: their command is not written to be PID 1, so it gets an init
PROCESSES_LABEL = "deployhost.processes"  # JSON: the Procfile's commands by name, less the web process
SOURCE_LABEL = "deployhost.source"  # what names the files and texts that it was built from
