"""A Django project is started as its settings say."""

import pytest

from tests.unit.build.detect.cases import Case, check

CASES = [
    Case(
        "django",
        {
            "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")\n',
            "site1/settings.py": 'DEBUG = False\nWSGI_APPLICATION = "site1.wsgi.application"\n',
            "site1/wsgi.py": "",
            "requirements.txt": "django\n",
        },
        "python",
        "site1.wsgi:application",
        holds=("gunicorn==",),
        lacks=("collectstatic",),
    ),
    Case(
        "django with whitenoise",
        {
            "manage.py": '# django\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "a.settings.prod")\n',
            "a/settings/prod.py": "STATIC_ROOT = 'static'\n",
            "a/wsgi.py": "",
            "requirements.txt": "Django\nwhitenoise\ngunicorn",
        },
        "python",
        "a.wsgi:application",
        holds=("RUN SECRET_KEY=build", "collectstatic"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)
