"""Every setting, read from the environment once."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dejabug.infra.errors import UserError
from dejabug.settings import Settings, get_settings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEJABUG_MAX_FRAMES", "7")
    monkeypatch.setenv("DEJABUG_JIRA_URL", "https://jira.example/")
    settings = Settings()
    assert settings.max_frames == 7
    assert settings.jira_url == settings.api_url == "https://jira.example"


def test_the_rest_address_may_differ_from_the_browse_address() -> None:
    api = "https://api.atlassian.com/ex/jira/1/"
    assert Settings(jira_url="https://x.atlassian.net", jira_api_url=api).api_url == api[:-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_FRAMES", "0"),
        ("FRAMES_PER_SECOND", "-1"),
        ("ENCODER", "resnet"),
        ("FRAME_CROP", "x"),
        ("JIRA_URL", "http://[jira"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DEJABUG_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()
    get_settings.cache_clear()
    with pytest.raises(
        UserError, match=f"^DEJABUG_{name} is not valid: .* Example: DEJABUG_{name}="
    ):
        get_settings()


def test_a_wrong_setting_s_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEJABUG_MAX_FRAMES", "hunter2")
    monkeypatch.setenv("DEJABUG_MEDIA_STORE", "s3://hunter2:hunter2@bucket")
    get_settings.cache_clear()
    with pytest.raises(UserError) as told:
        get_settings()
    assert str(told.value).count("is not valid") == 2
    assert "hunter2" not in str(told.value)


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    settings = Settings(jira_token="hunter2", webhook_secret="hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"


def test_projects_see_each_other_only_in_a_declared_group() -> None:
    settings = Settings(project_groups=" game, GAMEDLC ;RACE,RACE2")
    assert settings.projects_beside("GAME") == ("GAME", "GAMEDLC")
    assert settings.projects_beside("RACE2") == ("RACE", "RACE2")
    assert settings.projects_beside("SECRET") == ("SECRET",)
