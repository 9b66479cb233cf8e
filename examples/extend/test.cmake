# The job by the command with the plugin, in one replica, and by the program, in three: the same weights, bit for bit.
execute_process(COMMAND ${CONVOY} --plugins ${PLUGIN} train ${JOB} --replicas 1 --quiet --out ${RUNS} --overwrite
  RESULT_VARIABLE status)
if(status)
  message(FATAL_ERROR "convoy ended with ${status}")
endif()
file(READ ${RUNS}/summary.json summary)
string(JSON by_command GET "${summary}" weights_sha256)
string(JSON plugin GET "${summary}" environment plugins 0 name)

execute_process(COMMAND ${PROGRAM} ${JOB} 3 RESULT_VARIABLE status OUTPUT_VARIABLE output)
if(status OR NOT output MATCHES "weights_sha256 ([0-9a-f]+)")
  message(FATAL_ERROR "the program ended with ${status}: ${output}")
endif()
if(NOT CMAKE_MATCH_1 STREQUAL by_command)
  message(FATAL_ERROR "other weights in the program than with the plugin ${plugin}: ${CMAKE_MATCH_1}, ${by_command}")
endif()
