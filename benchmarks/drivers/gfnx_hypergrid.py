"""gfnx on the hypergrid: trajectory balance, its rollout, optax; all iterations in one compiled loop."""

import task

given = task.arguments()

import time  # noqa: E402

import equinox as eqx  # noqa: E402
import gfnx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402

r0, r1, r2 = task.REWARD
environment = gfnx.environment.HypergridEnvironment(
    gfnx.reward.GeneralHypergridRewardModule(R0=r0, R1=r1, R2=r2), dim=task.DIMENSIONS, side=task.SIDE
)
setting = environment.init(jax.random.PRNGKey(given.seed))
key, network_key = jax.random.split(jax.random.PRNGKey(given.seed))
network = eqx.nn.MLP(
    in_size=environment.observation_space.shape[0],
    out_size=environment.action_space.n,
    width_size=task.HIDDEN,
    depth=task.LAYERS,
    key=network_key,
)
weights, static = eqx.partition(network, eqx.is_array)
parameters = {"network": weights, "log_z": jnp.array(0.0)}
optimizer = optax.multi_transform(
    {"network": optax.adam(task.GRID_RATE), "log_z": optax.adam(task.LOG_Z_RATE)},
    {"network": jax.tree.map(lambda _: "network", weights), "log_z": "log_z"},
)


def policy(rng, observation, weights):
    logits = jax.vmap(eqx.combine(weights, static))(observation)
    uniform = jnp.zeros((len(observation), environment.backward_action_space.n))
    return logits, {"forward_logits": logits, "backward_logits": uniform}


def loss(parameters, trajectories):
    network = eqx.combine(parameters["network"], static)
    real = ~trajectories.pad
    logits = jax.vmap(jax.vmap(network))(trajectories.obs)
    illegal = jax.vmap(environment.get_invalid_mask, in_axes=(1, None), out_axes=1)(trajectories.state, setting)
    log_p = jax.nn.log_softmax(gfnx.utils.mask_logits(logits, illegal), axis=-1)
    log_pf = jnp.take_along_axis(log_p, trajectories.action[..., None], axis=-1).squeeze(-1)
    before = jax.tree.map(lambda x: x[:, :-1], trajectories.state)
    after = jax.tree.map(lambda x: x[:, 1:], trajectories.state)
    actions = jax.vmap(environment.get_backward_action, in_axes=(1, 1, 1, None), out_axes=1)(
        before, trajectories.action[:, :-1], after, setting
    )
    illegal = jax.vmap(environment.get_invalid_backward_mask, in_axes=(1, None), out_axes=1)(after, setting)
    log_p = jax.nn.log_softmax(gfnx.utils.mask_logits(jnp.zeros(illegal.shape), illegal), axis=-1)
    log_pb = jnp.take_along_axis(log_p, actions[..., None], axis=-1).squeeze(-1)
    sums = jnp.where(real, log_pf, 0.0).sum(1)
    target = jnp.where(real[:, :-1], log_pb + trajectories.log_gfn_reward[:, :-1], 0.0).sum(1)
    return optax.losses.squared_error(parameters["log_z"] + sums, target).mean()


def iteration(_, carried):
    key, parameters, state, steps = carried
    key, rollout_key = jax.random.split(key)
    trajectories, _ = gfnx.utils.forward_rollout(
        rng_key=rollout_key,
        num_envs=task.GRID_BATCH,
        policy_fn=policy,
        policy_params=parameters["network"],
        env=environment,
        env_params=setting,
    )
    gradient = jax.grad(loss)(parameters, trajectories)
    updates, state = optimizer.update(gradient, state, parameters)
    return key, optax.apply_updates(parameters, updates), state, steps + (~trajectories.pad).sum()


@jax.jit
def train(carried, iterations):
    return jax.lax.fori_loop(0, iterations, iteration, carried)


carried = key, parameters, optimizer.init(parameters), jnp.array(0)
carried = jax.block_until_ready(train(carried, given.warm))
before, start = int(carried[3]), (time.perf_counter(), time.process_time())
carried = jax.block_until_ready(train(carried, given.iterations))
end = time.perf_counter(), time.process_time()
task.report(
    given.iterations,
    given.iterations * task.GRID_BATCH,
    int(carried[3]) - before,
    end[0] - start[0],
    end[1] - start[1],
    ("gfnx", "jax", "equinox", "optax"),
)
