"""The tables of files and batches against the SDKs' types: a new member, endpoint or kind of result fails here."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import anthropic.types.beta as beta
import anthropic.types.beta.messages as beta_batches
import anthropic.types.messages as batches
from anthropic.types.beta import file_upload_params
from anthropic.types.beta.messages import batch_create_params as beta_batch_create_params
from anthropic.types.messages import batch_create_params
from openai.types import Batch, FileObject, FilePurpose
from openai.types import batch_create_params as openai_batch_create_params
from openai.types.file_create_params import FileCreateParams
from openai.types.fine_tuning import FineTuningJob
from openai.types.fine_tuning.job_create_params import JobCreateParams

from addons.wire import anthropic_batches, openai_batches, openai_files
from tests.addons.wire.test_sdk_types import kinds

HEADERS = {"betas", "workspace_id", "user_profile_id"}
"""What the SDK sends as headers."""


def members(model: Any) -> set[str]:
    return set(model.model_fields)


def test_files() -> None:
    as_text = {"scope"}  # and whatever else the API adds: restored whole
    assert set(openai_files.FILE_FIELDS) == (members(FileObject) | members(beta.BetaFileMetadata)) - as_text
    assert set(get_type_hints(FileCreateParams)) == {"file", "purpose", "expires_after"}
    assert set(get_type_hints(file_upload_params.FileUploadParams)) - HEADERS == {"file", "expires_in_seconds"}
    purposes = set(get_args(FilePurpose))
    assert purposes == {"assistants", "batch", "fine-tune", "vision", "user_data", "evals"}
    assert set(openai_batches.BY_PURPOSE) <= purposes


def test_batches_and_jobs() -> None:
    as_text = {"errors", "error", "integrations", "method"}
    assert set(openai_files.MADE_FIELDS) == (members(Batch) | members(FineTuningJob)) - as_text
    hints = get_type_hints(openai_batch_create_params.BatchCreateParams)
    asked = set(hints) | set(get_type_hints(JobCreateParams))
    assert set(openai_files.CREATE_FIELDS) == asked - {"integrations", "method", "suffix"}
    endpoints = {url.removeprefix("/v1/") for url in get_args(hints["endpoint"])}
    assert set(openai_batches.ENDPOINTS) == endpoints - {"videos"}, "videos are read as free-form JSON"


def test_message_batches() -> None:
    for one in (batches.MessageBatch, beta_batches.BetaMessageBatch):
        assert members(one) == set(anthropic_batches.BATCH_FIELDS)
    for line in (batches.MessageBatchIndividualResponse, beta_batches.BetaMessageBatchIndividualResponse):
        assert members(line) == set(anthropic_batches.LINE)
    for union in (batches.MessageBatchResult, beta_batches.BetaMessageBatchResult):
        assert kinds(union) == {"succeeded", "errored", "canceled", "expired"}
        of_results = {name for result in results(union) for name in members(result)}
        assert of_results == set(anthropic_batches.RESULT)
    for params in (batch_create_params, beta_batch_create_params):
        assert set(get_type_hints(params.BatchCreateParams)) - HEADERS == {"requests"}
        assert set(get_type_hints(params.Request)) == set(anthropic_batches.REQUEST)


def results(union: Any) -> list[Any]:
    return list(get_args(get_args(union)[0]))
