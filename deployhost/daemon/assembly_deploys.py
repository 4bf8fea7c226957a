"""Joining what deploys, what mends and what watches releases."""

import logging
import os

from deployhost.build.bases import Bases
from deployhost.build.docker_cli import DockerCli
from deployhost.build.host_files import host_environment
from deployhost.build.image import ImageBuilder
from deployhost.build.limits import BuildLimits
from deployhost.build.stand_in import StandIns
from deployhost.config import apps, server
from deployhost.containers.release_containers import Crews
from deployhost.converge.act import Actor
from deployhost.converge.act_server import ServerActor
from deployhost.converge.read import Looker
from deployhost.converge.rounds import Converge
from deployhost.daemon.assembly_shared import Shared, engine_address
from deployhost.daemon.worker import Workers
from deployhost.deploy.handover import Handover
from deployhost.deploy.image import Images
from deployhost.deploy.kamal.engine import KamalEngine
from deployhost.deploy.kamal.images import KamalImages
from deployhost.deploy.kamal.run import KamalRun
from deployhost.deploy.overlap import Overlap
from deployhost.deploy.pipeline import Pipeline, Tools
from deployhost.deploy.watch import Watch, WatchTools
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import Deploy, EngineName, Release, Strategy, Trigger
from deployhost.server.proxy_container import ProxyContainer
from deployhost.system import http
from deployhost.system.docker import Docker
from deployhost.upkeep.forgotten_logs import ForgottenLogs

log = logging.getLogger(__name__)


def make_pipeline(shared: Shared) -> Pipeline:
    """Given what is shared, return what carries deploys out."""
    paths, docker = shared.paths, shared.docker
    environ = host_environment(os.environ)
    stand_ins = StandIns(docker, paths.state / "bases" / "making", environ)
    bases = Bases(docker, paths.state, server.load(paths.server_yml).mirrors, shared.clock, stand_ins)
    builder = ImageBuilder(
        docker,
        bases,
        DockerCli(environ),
        paths.run,
        environ,
        limits=BuildLimits(docker, shared.server),
        builds=shared.builds,
    )
    crews = Crews(docker, shared.engine, shared.kamal, shared.isolation.joined)
    overlap = Overlap(crews, shared.switch, shared.deploys, shared.releases)
    handover = Handover(
        crews=crews,
        switch=shared.switch,
        holding=shared.holding,
        deploys=shared.deploys,
        releases=shared.releases,
        overlap=overlap,
    )
    return Pipeline(
        Tools(
            docker=docker,
            crews=crews,
            ways={
                Strategy.OVERLAP: overlap,
                Strategy.HANDOVER: handover,
                EngineName.KAMAL: _kamal_engine(shared, crews),
            },
            cancelling=shared.cancellations,
            builds_at_once=shared.server.current().builds_at_once,
            images=_images(
                shared, Images(docker, builder, shared.releases, paths, shared.disk.check, planner=shared.planner)
            ),
            engine=shared.engine,
            switch=shared.switch,
            drainer=shared.drainer,
            pruner=shared.pruner,
            locks=shared.locks,
            kamal=shared.kamal,
            deploys=shared.deploys,
            releases=shared.releases,
            env=shared.env,
            paths=paths,
            reporter=shared.events,
            load_app=shared.load_app,
            clock=shared.clock,
        )
    )


def make_converge(shared: Shared, pipeline: Pipeline, workers: Workers) -> Converge:
    """Given what is shared, the pipeline and the workers, return what mends."""
    looker = Looker(
        docker=shared.docker,
        proxy=shared.proxy,
        deploys=shared.deploys,
        releases=shared.releases,
        holds=shared.holds,
        locks=shared.locks,
        load_apps=lambda: apps.load(shared.paths.apps_yml).known,
        works_on=workers.works_on,
        unlisted_repositories=shared.repositories.unlisted,
        clock=shared.clock,
    )
    actor = Actor(
        docker=shared.docker,
        proxy=shared.proxy,
        switch=shared.switch,
        drainer=shared.drainer,
        deploys=shared.deploys,
        releases=shared.releases,
        pipeline=pipeline,
        holding=shared.holding,
        reporter=shared.events,
        load_app=shared.load_app,
        subject_of=shared.subject_of,
        clock=shared.clock,
        wake=workers.wake,
    )
    server_actor = ServerActor(
        docker=shared.docker,
        proxy=shared.proxy,
        deploys=shared.deploys,
        make_proxy=lambda: ProxyContainer(shared.paths, shared.docker).restore(log.info),
        delete_repository=shared.repositories.delete_unowned,
        clock=shared.clock,
    )
    return Converge(
        looker=looker,
        actor=actor,
        server_actor=server_actor,
        proxy=shared.proxy,
        deploys=shared.deploys,
        locks=shared.locks,
        keepers=(
            shared.isolation.keep,
            shared.database.keep,
            shared.repositories.keep,
            ForgottenLogs(shared.deploys, shared.events, workers.works_on, shared.clock).keep,
        ),
        mended=shared.troubles.mended,
        run=shared.paths.run,
        clock=shared.clock,
    )


def make_watch(shared: Shared, workers: Workers) -> Watch:
    """Given what is shared and the workers, return what watches new releases."""

    def roll_back(target: Release, reason: str) -> Deploy:
        deploy = shared.deploys.accept(
            target.app,
            target.sha,
            trigger=Trigger.AUTO_ROLLBACK,
            subject=target.subject,
            target=target.version,
            reason=reason,
        )
        shared.events.wake()
        workers.wake(target.app)
        return deploy

    # What an engine shows that has just come back is odd: it is not waited for, so that the watch learns that it was away.
    docker = Docker(engine_address())
    return Watch(
        WatchTools(
            docker=docker,
            proxy=KamalProxy(docker, shared.paths.bin / "kamal-proxy"),
            releases=shared.releases,
            deploys=shared.deploys,
            reporter=shared.events,
            get=http.get,
            roll_back=roll_back,
            load_app=shared.load_app,
            secrets=lambda app: shared.env.read(app).values(),
            http_port=shared.http_port,
            clock=shared.clock,
        )
    )


def _images(shared: Shared, images: Images) -> KamalImages:
    return KamalImages(
        images=images,
        kamal=KamalRun(shared.paths),
        projects=shared.projects,
        docker=shared.docker,
        paths=shared.paths,
        server=shared.server.current,
    )


def _kamal_engine(shared: Shared, crews: Crews) -> KamalEngine:
    return KamalEngine(
        docker=shared.docker,
        engine=shared.engine,
        crews=crews,
        projects=shared.projects,
        proxy=shared.proxy,
        deploys=shared.deploys,
        releases=shared.releases,
        kamal=KamalRun(shared.paths),
        paths=shared.paths,
        server=shared.server.current,
    )
