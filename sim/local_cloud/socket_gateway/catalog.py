"""Reads the definitions of APIs and functions from the local AWS."""

from __future__ import annotations

import asyncio
import io
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import boto3

from sim.local_cloud.socket_gateway.definitions import Api, Authorizer, Route, function_arn_of
from sim.local_cloud.socket_gateway.functions import FunctionCode

ACCOUNT: Final = "000000000000"


class Catalog:
    """Caches each API and function from its first use on; changes need a new process.

    Args:
        session: A session with the credentials and region of the local AWS.
        endpoint_url: Base URL of the local AWS.
        scratch: The folder in which zips are unpacked.
    """

    def __init__(self, session: boto3.Session, endpoint_url: str, scratch: Path) -> None:
        self._apis = session.client("apigatewayv2", endpoint_url=endpoint_url)
        self._functions = session.client("lambda", endpoint_url=endpoint_url)
        self._region = session.region_name
        credentials = session.get_credentials()
        self._credentials = {
            "AWS_ACCESS_KEY_ID": credentials.access_key if credentials else "",
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key if credentials else "",
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
        }
        self._endpoint_url = endpoint_url
        self._scratch = scratch
        self._known: dict[str, Api] = {}
        self._reading = asyncio.Lock()

    def known(self, api_id: str) -> Api | None:
        """An API that was read before; None if it was not."""
        return self._known.get(api_id)

    async def api(self, api_id: str) -> Api | None:
        """An API; None when there is no WebSocket API with this id.

        Raises:
            botocore.exceptions.BotoCoreError: The local AWS can't be reached.
            botocore.exceptions.ClientError: It could not read the API.
        """
        if (known := self._known.get(api_id)) is not None:
            return known  # does not wait while another id is read
        async with self._reading:  # sockets that come at once cause one reading
            if api_id not in self._known:
                read = await asyncio.to_thread(self._read_api, api_id)
                if read is None:
                    return None
                self._known[api_id] = read
        return self._known[api_id]

    async def function(self, arn: str) -> FunctionCode:
        """A function with its unpacked zip.

        Raises:
            botocore.exceptions.ClientError: There is no such function.
        """
        return await asyncio.to_thread(self._read_function, arn)

    def _read_api(self, api_id: str) -> Api | None:
        client = self._apis
        try:
            api = client.get_api(ApiId=api_id)
        except client.exceptions.NotFoundException:
            return None
        if api["ProtocolType"] != "WEBSOCKET":
            return None
        targets = {
            f"integrations/{one['IntegrationId']}": function_arn_of(one.get("IntegrationUri", ""))
            for one in client.get_integrations(ApiId=api_id)["Items"]
        }
        authorizers = {
            one["AuthorizerId"]: Authorizer(
                function_arn=function_arn_of(one.get("AuthorizerUri", "")),
                identity_sources=tuple(one.get("IdentitySource", ())),
            )
            for one in client.get_authorizers(ApiId=api_id)["Items"]
        }
        return Api(
            api_id=api_id,
            account=ACCOUNT,
            region=self._region,
            selection=api.get("RouteSelectionExpression", ""),
            stages={
                one["StageName"]: one.get("StageVariables", {})
                for one in client.get_stages(ApiId=api_id)["Items"]
            },
            routes={
                one["RouteKey"]: Route(
                    function_arn=targets[one["Target"]],
                    authorizer=authorizers.get(one.get("AuthorizerId", "")),
                    responds=self._responds(api_id, one),
                )
                for one in client.get_routes(ApiId=api_id)["Items"]
                if one.get("Target") in targets
            },
        )

    def _responds(self, api_id: str, route: Mapping[str, Any]) -> bool:
        responses = self._apis.get_route_responses(ApiId=api_id, RouteId=route["RouteId"])
        return bool(responses["Items"])

    def _read_function(self, arn: str) -> FunctionCode:
        found = self._functions.get_function(FunctionName=arn)
        configuration = found["Configuration"]
        name = configuration["FunctionName"]
        folder = self._scratch / name
        with urllib.request.urlopen(found["Code"]["Location"], timeout=30) as response:  # noqa: S310 - our own part
            zipfile.ZipFile(io.BytesIO(response.read())).extractall(folder)
        return FunctionCode(
            name=name,
            handler=configuration["Handler"],
            folder=folder,
            variables={
                "AWS_ENDPOINT_URL": self._endpoint_url,
                **configuration.get("Environment", {}).get("Variables", {}),
                **self._credentials,
            },
            timeout_s=configuration["Timeout"],
            memory_mb=configuration["MemorySize"],
        )
