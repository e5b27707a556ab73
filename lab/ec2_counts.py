"""How many machines a call makes: EC2 as many as MaxCount when it can, moto always MinCount."""

from __future__ import annotations

import urllib.parse
from dataclasses import replace

from lab.ec2_messages import Answer, Forward, Request


class Counts:
    """The filter: asks moto for at least as many as EC2 would make."""

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Pass the call on, with MinCount raised to MaxCount."""
        most = request.parameters.get("MaxCount")
        if request.action != "RunInstances" or not most or request.parameters.get("MinCount") == most:
            return forward(request)
        parameters = {**request.parameters, "MinCount": most}
        return forward(replace(request, body=urllib.parse.urlencode(parameters).encode(), parameters=parameters))
