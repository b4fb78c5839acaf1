#include "crash/scenarios.hpp"

namespace reeve::test::crash {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using enum Scenario::Counted;
constexpr auto inside = Shape{.inside = true};

void nothing(Story&) {}

void open_a_run(Story& story) {
  story.open_run();
}

// One worker of every sort.
StoryRun& populate(Story& story, OwnerExitPolicy policy) {
  auto& run = story.open_run(policy);
  run.worker("active").reserve().spawn({.descendants = 2}).activate();
  run.worker("born inside").reserve().spawn({.inside = true, .deaf = true}).activate();
  run.worker("reserved").reserve().spawn(inside);
  run.worker("unregistered").reserve().spawn().activate().unregister();
  run.worker("exited").reserve().spawn().activate().die().await_exit();
  run.enter();
  return run;
}

// ---- while reeved serves

void life_of_a_worker(Story& story) {
  auto& run = story.open_run();
  auto& worker = run.worker("worker").reserve().spawn().activate();
  worker.die().await_exit();
  run.collect();
  worker.await_removal();
}

void born_inside(Story& story) {
  auto& run = story.run();
  auto& worker = run.worker("worker").reserve();
  worker.spawn({.inside = true, .descendants = 2}).activate();
  worker.die().await_exit();
}

void descendants_are_moved(Story& story) {
  auto& worker = story.run().worker("worker").reserve();
  worker.spawn({.descendants = 3}).activate();
  worker.die().await_exit().unregister().await_removal();
}

void register_and_unregister(Story& story) {
  auto& run = story.run();
  run.worker("worker").spawn().enroll().unregister().die();
  run.worker("reservation").reserve().spawn(inside).unregister();
}

void started_by_reeved(Story& story) {
  auto& run = story.run();
  run.worker("dies").start().die().await_exit();
  run.worker("dies").unregister().await_removal();
  run.worker("stays").start();
}

void stop_obeyed_and_not(Story& story) {
  auto& run = story.run();
  run.worker("obeys").stop(hours(1));
  run.worker("deaf").stop(milliseconds(10));
  run.worker("reserved").stop(milliseconds(10));
}

void frozen_thawed_and_stopped(Story& story) {
  story.run().worker("obeys").freeze().thaw().freeze().stop(hours(1));
}

void reservation_expires(Story& story) {
  auto& run = story.run();
  run.worker("worker").reserve(milliseconds(200)).spawn(inside).await_removal();
}

void name_is_used_again(Story& story) {
  auto& run = story.run();
  auto& worker = run.worker("worker");
  worker.reserve().spawn().activate().die().await_exit();
  worker.reserve().spawn().activate();
}

void exits_unreaped(Story& story) {
  auto& worker = story.run().worker("worker").reserve().spawn().activate();
  worker.die_unreaped().await_exit();
  worker.die();
}

void enter_a_run(Story& story) {
  story.run().enter().enter();
}

void owner_dies(Story& story) {
  story.run().owner_dies();
}

void close_a_run(Story& story) {
  story.run().close(OwnerExitPolicy::kill);
}

void terminate_a_run(Story& story) {
  story.run().close(OwnerExitPolicy::terminate);
}

void owner_dies_and_workers_are_kept(Story& story) {
  story.run().owner_dies();
  story.clean_up_orphans();
}

void clean_up_orphans(Story& story) {
  story.run().owner_dies();
  story.clean_up_orphans();
}

void end_by_signal(Story& story) {
  story.stop_daemon();
}

void placed_in_a_service(Story& story) {
  auto& run = story.open_run();
  run.worker("worker").reserve().spawn({.descendants = 1}).activate();
  run.worker("born inside").reserve().spawn(inside).activate().die().await_exit();
  run.enter();
  story.open_run().close(OwnerExitPolicy::kill);
}

void pools_begin(Story& story) {
  story.pools().configure(3);
}

void pools_are_there(Story& story) {
  story.pools().configure(2).await_settled();
}

void pools_are_scaled(Story& story) {
  story.pools().scale(4).await_settled().scale(1);
}

void pools_are_restarted(Story& story) {
  story.pools().restart();
}

void pools_are_reloaded(Story& story) {
  story.pools().ready_after("10ms").configure(3, 2000);
}

void pools_are_removed(Story& story) {
  story.pools().configure(-1);
}

void pools_lose_a_worker(Story& story) {
  story.pools().worker_dies(1);
}

// ---- what a start finds

void dead_with_pools(Story& story) {
  pools_are_there(story);
  story.pools().scale(4);
  story.crash();
}

void dead_with_pools_and_a_worker(Story& story) {
  pools_are_there(story);
  story.pools().worker_dies(0);
  story.crash();
}

void dead_with_all_alive(Story& story) {
  populate(story, OwnerExitPolicy::kill);
  story.crash();
}

void dead_with_owner(Story& story) {
  auto& run = populate(story, OwnerExitPolicy::kill);
  story.crash();
  run.owner_dies();
}

void dead_with_owner_to_terminate(Story& story) {
  auto& run = populate(story, OwnerExitPolicy::terminate);
  story.crash();
  run.owner_dies();
}

void dead_with_workers(Story& story) {
  auto& run = populate(story, OwnerExitPolicy::kill);
  story.crash();
  run.worker("active").die();
  run.worker("born inside").die_unreaped();
  run.worker("unregistered").die();
}

void placed_and_alive(Story& story) {
  story.begin_service();
  dead_with_all_alive(story);
}

void placed_and_stale(Story& story) {
  story.begin_service();
  dead_with_owner(story);
}

void placed_half_made(Story& story) {
  placed_and_alive(story);
  story.make_half_placed_run();
}

void service_stopped_meanwhile(Story& story) {
  placed_and_alive(story);
  story.stop_service();
}

void half_made(Story& story) {
  auto& run = populate(story, OwnerExitPolicy::kill);
  run.worker("expired").reserve(milliseconds(1));
  story.crash();
  story.make_half_run();
  story.make_half_worker(run, "half");
  story.make_foreign("foreign");
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> table{
      {"worker", playing, nothing, life_of_a_worker},
      {"born-inside", playing, open_a_run, born_inside},
      {"descendants", playing, open_a_run, descendants_are_moved},
      {"register", playing, open_a_run, register_and_unregister},
      {"spawn", playing, open_a_run, started_by_reeved},
      {"stop", playing,
       [](Story& story) {
         auto& run = story.open_run();
         run.worker("obeys").reserve().spawn().activate();
         run.worker("deaf").reserve().spawn({.descendants = 1, .deaf = true}).activate();
         run.worker("reserved").reserve().spawn(inside);
       },
       stop_obeyed_and_not},
      {"freeze", playing,
       [](Story& story) {
         story.open_run().worker("obeys").reserve().spawn({.descendants = 1}).activate();
       },
       frozen_thawed_and_stopped},
      {"expiry", playing, open_a_run, reservation_expires},
      {"name-again", playing, open_a_run, name_is_used_again},
      {"unreaped", playing, open_a_run, exits_unreaped},
      {"enter", playing, open_a_run, enter_a_run},
      {"owner-death", playing, [](Story& story) { populate(story, OwnerExitPolicy::kill); },
       owner_dies},
      {"owner-death-terminate", playing,
       [](Story& story) { populate(story, OwnerExitPolicy::terminate); }, owner_dies},
      {"owner-death-keep", playing, [](Story& story) { populate(story, OwnerExitPolicy::keep); },
       owner_dies_and_workers_are_kept},
      {"close", playing, [](Story& story) { populate(story, OwnerExitPolicy::kill); }, close_a_run},
      {"close-terminate", playing, [](Story& story) { populate(story, OwnerExitPolicy::kill); },
       terminate_a_run},
      {"orphans", playing,
       [](Story& story) {
         populate(story, OwnerExitPolicy::kill);
         story.make_foreign("foreign");
       },
       clean_up_orphans},
      {"sigterm", playing, [](Story& story) { populate(story, OwnerExitPolicy::kill); },
       end_by_signal},
      {"placement", playing, [](Story& story) { story.begin_service(); }, placed_in_a_service},
      {"placement-owner-death", playing,
       [](Story& story) {
         story.begin_service();
         populate(story, OwnerExitPolicy::kill);
       },
       owner_dies},
      {"placement-service-stopped", playing,
       [](Story& story) {
         story.begin_service();
         populate(story, OwnerExitPolicy::kill);
       },
       [](Story& story) { story.stop_service(); }},
      {"pools", playing, nothing, pools_begin},
      {"pools-scale", playing, pools_are_there, pools_are_scaled},
      {"pools-restart", playing, pools_are_there, pools_are_restarted},
      {"pools-reload", playing, pools_are_there, pools_are_reloaded},
      {"pools-removed", playing, pools_are_there, pools_are_removed},
      {"pools-exit", playing, pools_are_there, pools_lose_a_worker},
      {"recovery-pools", starting, dead_with_pools, nothing},
      {"recovery-pools-exit", starting, dead_with_pools_and_a_worker, nothing},
      {"start", starting, [](Story& story) { story.crash(); }, nothing},
      {"recovery", starting, dead_with_all_alive, nothing},
      {"recovery-stale", starting, dead_with_owner, nothing},
      {"recovery-stale-terminate", starting, dead_with_owner_to_terminate, nothing},
      {"recovery-exits", starting, dead_with_workers, nothing},
      {"recovery-half-made", starting, half_made, nothing},
      {"recovery-placed", starting, placed_and_alive, nothing},
      {"recovery-placed-stale", starting, placed_and_stale, nothing},
      {"recovery-placed-half-made", starting, placed_half_made, nothing},
      {"recovery-placed-gone", starting, service_stopped_meanwhile, nothing},
  };
  return table;
}

}  // namespace reeve::test::crash
