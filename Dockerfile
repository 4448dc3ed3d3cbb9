# The worker: docker build -t audit-logger-worker .
FROM node:22-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY config config/
COPY src src/
COPY worker worker/
COPY cli cli/
COPY local local/
RUN node scripts/build.mjs && rm -rf dist/local
# Leaves the dependencies and the two peers a worker needs, in the versions of the lock file. `npm prune --omit=dev`
# would take the peers with it, because the tests need them too; the worker never loads TypeORM.
RUN npm pkg delete devDependencies peerDependencies.typeorm && npm prune --ignore-scripts

FROM node:22-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules/
COPY --from=build /build/dist dist/
USER node
# Fails when Redis cannot be reached. Whether CloudWatch takes the events is what `audit-logger check` tries.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["node", "dist/cli/main.js", "status"]
# In this form Node is process 1 and gets SIGTERM itself; it then finishes the batch in flight.
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["worker"]
