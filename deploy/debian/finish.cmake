# What Debian wants of a package's files and `cmake --install` does not do: pages and changelogs compressed, a changelog of the
# package. cpack runs this on the files of all packages before it packs them.

# cpack goes on without it, and the package would have no dependencies.
find_program(shlibdeps dpkg-shlibdeps)
if(NOT shlibdeps)
  message(FATAL_ERROR "dpkg-shlibdeps is not there: it finds the libraries that the package needs (Debian: dpkg-dev)")
endif()
file(GLOB pages ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/man/man[1-9]/*.[1-9])
set(compressed ${pages})
foreach(pair Unspecified/kutils doc/kutils-doc)
  string(REPLACE "/" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  set(folder ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share/doc/${package})
  if(NOT IS_DIRECTORY ${folder})
    continue()
  endif()
  file(WRITE ${folder}/changelog.Debian
    "kutils (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
    "  * Built from the sources; what changed stands in their CHANGELOG.md.\n\n"
    " -- ${CPACK_PACKAGE_CONTACT}  ${CPACK_KUTILS_DATE}\n")
  configure_file(${CMAKE_CURRENT_LIST_DIR}/../../CHANGELOG.md ${folder}/changelog COPYONLY)
  list(APPEND compressed ${folder}/changelog ${folder}/changelog.Debian)
  if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/${package}.lintian-overrides)
    configure_file(${CMAKE_CURRENT_LIST_DIR}/${package}.lintian-overrides
      ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share/lintian/overrides/${package} COPYONLY)
  endif()
endforeach()
if(compressed)
  execute_process(COMMAND chmod 0644 ${compressed} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND gzip -9nf ${compressed} COMMAND_ERROR_IS_FATAL ANY)
endif()
