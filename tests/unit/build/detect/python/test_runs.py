"""Python files that serve when they are run."""

import pytest

from tests.unit.build.detect.cases import Case, check

CASES = [
    Case(
        "streamlit",
        {"app.py": "import streamlit as st\nst.write(1)\n", "requirements.txt": "streamlit"},
        "python",
        "exec streamlit run app.py --server.port ${PORT:-8080}",
    ),
    Case(
        "gradio",
        {"app.py": "import gradio as gr\ngr.Interface().launch()\n", "requirements.txt": "gradio"},
        "python",
        "GRADIO_SERVER_NAME=0.0.0.0",
    ),
    Case(
        "http.server",
        {"main.py": "import http.server\nhttp.server.HTTPServer(('', 80), None).serve_forever()\n"},
        "python",
        "python main.py",
        lacks=("gunicorn", "pip --python"),
    ),
    Case(
        "server under __main__",
        {"server.py": "from mine import serve\nif __name__ == '__main__':\n    serve()\n"},
        "python",
        "python server.py",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)
